import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { stop } from './project.ts'

/** Builds the app and finds the Electron it runs in; ends the run where one of them is not to be had. */
export async function prepareWindow(root: string, trial: boolean): Promise<void> {
  process.chdir(root)
  // From the checkout, not from the bundle this is in: they look for what lies beside them.
  const load = (file: string) => import(pathToFileURL(join(root, 'build', file)).href)
  const { ensurePackages } = await load('system-packages.mjs')
  const lacking = ensurePackages('window')
  if (lacking) stop(lacking)
  const { buildApp } = await load('app.mjs')
  await buildApp()
  const { electronPath } = await load('electron-runtime.mjs')
  process.env.CULVERT_ELECTRON ??= await electronPath({
    trial: trial || process.env.CI === 'true',
  }).catch((error: Error) => stop(error.message))
}
