import type { startModern as StartModern } from './modern.ts'
import type { startWhoami as StartWhoami } from './whoami.ts'

export { type Everything, startEverything } from './everything.ts'
export { type Fixture, startFixture } from './fixture/start-fixture.ts'
export type { Modern, ModernRequest } from './modern.ts'
export { type AnswerCall, type RecordedCall, type Recording, startRecording } from './recording.ts'
export type { Whoami, WhoamiLogEntry } from './whoami.ts'

// The SDK they are made of is loaded when one is started: most tests start none.

export const startModern: typeof StartModern = async (options) => (await import('./modern.ts')).startModern(options)

export const startWhoami: typeof StartWhoami = async (options) => (await import('./whoami.ts')).startWhoami(options)
