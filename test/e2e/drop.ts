import type { Page } from 'playwright-core'

/** Drops files on the window as a person does. Octets as text. */
export async function drop(
  page: Page,
  files: readonly { readonly name: string; readonly text: string }[],
): Promise<void> {
  const transfer = await page.evaluateHandle((given) => {
    // Runs in the page.
    const { DataTransfer, File } = globalThis as unknown as {
      DataTransfer: new () => { items: { add(file: unknown): void } }
      File: new (parts: readonly string[], name: string) => unknown
    }
    const made = new DataTransfer()
    for (const { name, text } of given) made.items.add(new File([text], name))
    return made
  }, files)
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer })
}
