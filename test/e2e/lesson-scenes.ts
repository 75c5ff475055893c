import type { Scene } from './scene.ts'

/** The pages of `docs/lessons`, in their order. */
const LESSONS = [
  ...['main-mode', 'aggressive-mode', 'ikev2', 'ah', 'esp', 'ah-and-esp'],
  'forward-secrecy',
] as const

/** Every lesson, and what it opens. */
export const LESSON_SCENES: readonly Scene[] = [
  ...LESSONS.map(
    (name, at): Scene => ({
      name: `lesson-${name}`,
      go: async (page) => {
        await page.getByRole('button', { name: 'Lessons' }).first().click()
        await page.getByRole('button', { name: new RegExp(`^${at + 1}\\. `) }).click()
        await page
          .getByRole('button', { name: /^Open the capture: / })
          .first()
          .waitFor()
      },
    }),
  ),
  {
    name: 'capture',
    go: async (page) => {
      await page
        .getByRole('button', { name: /^Open the capture: / })
        .first()
        .click()
      const list = page.getByRole('list', { name: /^Messages/ })
      await list.getByRole('button').first().click()
      await page.getByRole('treeitem').first().waitFor()
    },
  },
]
