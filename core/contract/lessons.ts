/** A lesson as the window shows it. */
export interface Lesson {
  readonly id: string
  readonly title: string
  /** The captures it is about, by name. */
  readonly captures: readonly string[]
  readonly blocks: readonly LessonBlock[]
}

export interface LessonBlock {
  readonly kind: 'heading' | 'paragraph' | 'list'
  /** One text, or one for each item. */
  readonly text: readonly string[]
}
