// The bundle as `npm run culvert` makes it, built once before the tests of the gateway.
import { execFileSync } from 'node:child_process'

export function bundleCulvert(): void {
  const program = "import('./build/bundle.mjs').then(({ bundle }) => bundle('core/cli/main.ts'))"
  execFileSync(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'inherit'] })
}
