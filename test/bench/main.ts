// npm run bench -- app|connect|datapath|import|inspect …: figures side by side with others, in one run on one machine.
import { benchApp } from './app.ts'
import { benchConnect } from './connect.ts'
import { benchDatapath } from './datapath/main.ts'
import { benchImport } from './import.ts'
import { benchInspect } from './inspect.ts'
import { projectRoot, stop } from './project.ts'

const BENCHES = {
  app: benchApp,
  connect: benchConnect,
  datapath: benchDatapath,
  import: benchImport,
  inspect: benchInspect,
}

const [name = '', ...args] = process.argv.slice(2)
if (!Object.hasOwn(BENCHES, name)) stop(`usage: npm run bench -- ${Object.keys(BENCHES).join('|')} …`)
if (!['import', 'inspect'].includes(name) && process.getuid?.() !== 0)
  stop('it makes network namespaces, so run it as root')
await BENCHES[name as keyof typeof BENCHES](projectRoot(), args)
