import { issueToken } from '@onbehalf/contracts'
import { type Bus, serve } from '@onbehalf/rpc'
import type { Report } from '../report.ts'
import type { createIssue } from './issue.ts'

export const serveTokens = (bus: Bus, issue: ReturnType<typeof createIssue>, report: Report) => [
  serve(bus, issueToken, (request, context) => issue(request, context), report)
]
