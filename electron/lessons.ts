import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lesson, LessonBlock } from '../core/contract/lessons.ts'

/** `1-main-mode.md` */
const PAGE = /^\d+-[\w-]+\.md$/
const NAME = /^[a-z0-9-]+$/

/** The pages of the lessons in their order; none where they were not packed. */
export function readLessons(folder: string): readonly Lesson[] {
  try {
    return readdirSync(folder)
      .filter((name) => PAGE.test(name))
      .sort()
      .map((name) => lessonOf(name.replace(/\.md$/, ''), readFileSync(join(folder, name), 'utf8')))
  } catch {
    return []
  }
}

/** The files of a lesson's capture: itself, and its tables of keys. */
export function captureFiles(folder: string, name: string): readonly string[] {
  if (!NAME.test(name)) return []
  const place = join(folder, 'captures', name)
  return readdirSync(place).map((file) => join(place, file))
}

/** A page: headings, paragraphs, lists and lines of code, which is all of Markdown that lessons are written in. */
export function lessonOf(id: string, text: string): Lesson {
  const blocks = text.split(/\n{2,}/).map((block) => block.trim())
  const title = (blocks[0] ?? '').replace(/^# /, '')
  const captures = /^Captures: (.+)$/.exec(blocks[1] ?? '')?.[1] ?? ''
  return {
    id,
    title,
    captures: [...captures.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''),
    blocks: blocks.slice(2).filter(Boolean).map(blockOf),
  }
}

function blockOf(block: string): LessonBlock {
  if (block.startsWith('## ')) return { kind: 'heading', text: [plain(block.slice(3))] }
  if (block.startsWith('- ')) return { kind: 'list', text: block.slice(2).split(/\n- /).map(plain) }
  return { kind: 'paragraph', text: [plain(block)] }
}

/** Marks of emphasis and of code say nothing a reader of the window would miss. */
const plain = (text: string): string => text.replace(/\s*\n\s*/g, ' ').replace(/[*`]/g, '')
