export { type Everything, startEverything } from './everything.ts'
export { type Modern, type ModernRequest, startModern } from './modern.ts'
export { type AnswerCall, type RecordedCall, type Recording, startRecording } from './recording.ts'
export { startWhoami, type Whoami, type WhoamiLogEntry } from './whoami.ts'
