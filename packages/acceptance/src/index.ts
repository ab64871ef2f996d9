export {
  type Answer,
  askInner,
  at,
  type Caller,
  callTool,
  inBrowser,
  signInAs,
  signInDevice,
  textAt,
  withToken
} from './api.ts'
export { commandLine, type Ended, type Running } from './command-line.ts'
export { expectSame } from './expect.ts'
export { story } from './story/index.ts'
export { registerProviders } from './story/providers.ts'
export { callerNamed, idNamed, type Step, type World } from './story/world.ts'
