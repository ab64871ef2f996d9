import { resolveSession } from '@onbehalf/contracts'
import { type Bus, serve } from '@onbehalf/rpc'
import type { Report } from '../report.ts'
import type { ResolveSession } from './resolve.ts'

export const serveSessions = (bus: Bus, resolve: ResolveSession, report: Report) => [
  serve(bus, resolveSession, (request) => resolve(request), report)
]
