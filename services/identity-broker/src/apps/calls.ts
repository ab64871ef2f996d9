import { resolveApiKey } from '@onbehalf/contracts'
import { type Bus, serve } from '@onbehalf/rpc'
import type { Report } from '../report.ts'
import type { createApiKeyResolver } from './resolve.ts'

export const serveApiKeys = (bus: Bus, resolve: ReturnType<typeof createApiKeyResolver>, report: Report) => [
  serve(bus, resolveApiKey, (request) => resolve(request), report)
]
