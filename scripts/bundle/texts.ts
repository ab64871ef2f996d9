/** The program of an image: the service's code, with what V8 had compiled of it when `warm-up` ended. */
export const mainText = `import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { constants, Script } from 'node:vm'

const directory = import.meta.dirname
const filename = join(directory, 'service.cjs')
const kept = join(directory, 'service.cache')
const isWarmUp = process.argv[2] === 'warm-up'

// Of another Node or of other options V8 refuses it, and everything is compiled as usual.
const readKept = () => {
  try {
    return readFileSync(kept)
  } catch {
    return undefined
  }
}
const parameters = 'exports, require, module, __filename, __dirname'
const script = new Script(\`(function (\${parameters}) {\${readFileSync(filename, 'latin1')}\\n})\`, {
  filename,
  cachedData: isWarmUp ? undefined : readKept(),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
})
if (script.cachedDataRejected)
  process.stderr.write(
    'service.cache is not taken: this start takes longer and more memory. Use the Node it was made with, and no V8 options.\\n'
  )
if (isWarmUp) process.on('exit', () => writeFileSync(kept, script.createCachedData()))
const module = { exports: {} }
script.runInThisContext()(module.exports, createRequire(filename), module, filename, directory)
// V8 would allocate in its old generation for ever what outlives the young one while that is small, as it is after a start:
// what belongs to a request is not old, however many wait. Only now, since it takes no kept code of another setting, and Node's
// own modules come with theirs.
if (!isWarmUp) setFlagsFromString('--no-allocation-site-pretenuring')
`

/** The health check of an image; a shell or curl is not needed. */
export const readyText = (port: string): string => `import { get } from 'node:http'

const port = process.env.PORT || ${port}
const end = (isReady) => process.exit(isReady ? 0 : 1)
get({ host: '127.0.0.1', port, path: '/readyz', timeout: 2500 }, ({ statusCode }) => end(statusCode === 200))
  .on('timeout', () => end(false))
  .on('error', () => end(false))
`
