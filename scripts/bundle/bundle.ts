import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Variables } from '@onbehalf/service-kit'
import { build } from 'rolldown'
import { mainText, readyText } from './texts.ts'

const run = promisify(execFile)

/**
 * Makes what an image runs out of a service and all it imports, for the Node that runs this: `main.mjs`, which loads
 * `service.cjs` and what V8 compiled of it (`service.cache`), and `ready.mjs`, which ends with 0 when the service is
 * ready. Answers with the path of the first.
 */
export const bundle = async (service: string, directory: string): Promise<string> => {
  const main = join(directory, 'main.mjs')
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'service.cjs'), await codeOf(service))
  writeFileSync(main, mainText)
  writeFileSync(join(directory, 'ready.mjs'), readyText(await portOf(service)))
  await run(process.execPath, [main, 'warm-up'], { env: { NODE_ENV: 'production' }, timeout: 30_000 })
  return main
}

const codeOf = async (service: string): Promise<string> => {
  const { output } = await build({
    input: fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url)),
    platform: 'node',
    // Its paths are of types; what runs is in the packages.
    tsconfig: false,
    // pg asks for it and goes on without.
    external: ['pg-native'],
    plugins: [withoutTopLevelAwait],
    // Names and lines are kept: an error's name and stack are read by people, and a crash prints its whole line.
    output: {
      format: 'cjs',
      codeSplitting: false,
      comments: false,
      minify: { compress: true, mangle: false, codegen: false }
    },
    write: false,
    onLog: (level, { message }, print) => {
      if (level === 'warn') throw new Error(message)
      print(level, message)
    }
  })
  return toAscii(withLazyModules(output[0].code))
}

// V8 keeps what it compiled of a script while it ran, of a module only what it compiled before; and a script cannot wait
// at its top. runService ends the process itself when it fails.
const withoutTopLevelAwait = {
  name: 'without-top-level-await',
  transform: (code: string, id: string) =>
    id.endsWith('/src/main.ts') ? code.replace('await runService(', 'void runService(') : null
}

// V8 compiles a function in parentheses of its own before it is called, and the bundler puts each module of a library in
// such: those that a start does not load would be read and made at every start.
const withLazyModules = (code: string): string => code.replaceAll('__commonJSMin(((', '__commonJSMin((0, (')

// One character above U+00FF makes V8 hold, hash and scan the whole source at two bytes each.
const toAscii = (code: string): string =>
  code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const portOf = async (service: string): Promise<string> => {
  const { variables }: { variables: Variables } = await import(`../../services/${service}/src/config.ts`)
  const port = variables.PORT?.defaultText
  if (port === undefined) throw new Error(`${service} has no default for PORT`)
  return port
}
