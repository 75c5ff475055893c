// @ts-expect-error: plain JavaScript without types
import { buildApp } from '../../build/app.mjs'
// @ts-expect-error: plain JavaScript without types
import { electronPath } from '../../build/electron-runtime.mjs'

/** Once before all files: the app as built, and an Electron to run it in. */
export default async function setup(): Promise<void> {
  await buildApp()
  process.env.CULVERT_ELECTRON ??= await electronPath({ trial: process.env.CI === 'true' })
}
