import { logout, status, whoami } from './account.ts'
import { call } from './call.ts'
import type { Command } from './command.ts'
import { login } from './login.ts'
import { addProvider, importProviders, listProviders } from './providers.ts'
import { listSessions, revokeSessions } from './sessions.ts'
import { describeTool, listTools } from './tools.ts'

export const commands: readonly Command[] = [
  ...[login, logout, whoami, status],
  ...[listSessions, revokeSessions],
  ...[listTools, describeTool, call],
  ...[listProviders, addProvider, importProviders]
]

/** What every command takes. */
export const commonOptions = {
  server: { type: 'string', help: 'Which server; ONBEHALF_SERVER, or the one signed in at last, when left out.' },
  account: { type: 'string', help: 'Which account there; ONBEHALF_ACCOUNT, or the one signed in last, when left out.' },
  output: { type: 'string', help: 'text or json.' },
  insecure: { type: 'boolean', help: 'Allow http to other machines than this one.' },
  help: { type: 'boolean', help: 'Explain the command.' }
} as const
