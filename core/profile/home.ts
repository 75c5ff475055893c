import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder all state lives in: `CULVERT_HOME`, or the platform's place for configuration. */
export function culvertHome(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.CULVERT_HOME !== undefined && env.CULVERT_HOME !== '') return env.CULVERT_HOME
  if (platform === 'win32') return join(env.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'Culvert')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Culvert')
  const base = env.XDG_CONFIG_HOME
  // The XDG specification has relative paths ignored.
  return join(base?.startsWith('/') === true ? base : join(homedir(), '.config'), 'culvert')
}
