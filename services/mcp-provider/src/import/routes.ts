import { type App, typed } from '@onbehalf/service-kit'
import { askerOf } from '../asker.ts'
import type { Desk } from '../providers/desk.ts'
import { writers } from '../providers/rights.ts'
import { importProviders } from './import.ts'
import { ImportFile, ImportReport } from './shapes.ts'

const importRoute = {
  method: 'POST',
  url: '/v1/mcp-providers/import',
  config: { access: writers, errors: ['conflict'] },
  schema: {
    tags: ['providers'],
    summary: "Register the servers of an MCP client's file: all of them, or none",
    body: ImportFile,
    response: { 201: ImportReport }
  }
} as const

export const registerImport = (app: App, desk: Desk): void => {
  typed(app).route({
    ...importRoute,
    handler: async (request, reply) =>
      reply.status(201).send(await importProviders(desk, askerOf(request), request.body))
  })
}
