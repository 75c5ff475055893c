import { expect, test } from 'vitest'
import { VERSION } from '../core/contract/version.ts'
import manifest from '../package.json' with { type: 'json' }

test('the program says the version its package has', () => expect(VERSION).toBe(manifest.version))
