import type { Page } from 'playwright-core'

/** Drops files on the window as a person does. `text`: what is in it; `base64`: the same where it is no text. */
export async function drop(
  page: Page,
  files: readonly { readonly name: string; readonly text?: string; readonly base64?: string }[],
): Promise<void> {
  const transfer = await page.evaluateHandle((given) => {
    // Runs in the page.
    const { DataTransfer, File } = globalThis as unknown as {
      DataTransfer: new () => { items: { add(file: unknown): void } }
      File: new (parts: readonly unknown[], name: string) => unknown
    }
    const made = new DataTransfer()
    for (const { name, text = '', base64 } of given) {
      const octets = base64 === undefined ? text : Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))
      made.items.add(new File([octets], name))
    }
    return made
  }, files)
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer })
}
