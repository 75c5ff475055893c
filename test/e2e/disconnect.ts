import type { Page } from 'playwright-core'

/** Ends the connection that is looked at, and says yes where traffic flowed a moment ago. */
export async function disconnect(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Disconnect', exact: true }).click()
  const anyway = page.getByRole('button', { name: 'Disconnect anyway' })
  const idle = page.getByRole('heading', { level: 2, name: 'Not connected', exact: true })
  await anyway.or(idle).first().waitFor({ timeout: 20_000 })
  if (await anyway.isVisible()) await anyway.click()
  await idle.waitFor({ timeout: 20_000 })
}
