import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { App } from '@onbehalf/service-kit'
import { inRepository } from '../servers/repository.ts'
import { testRunDirectoryVariable } from '../test-run.ts'
import type { createCheck, Description } from './check.ts'
import { undescribedFile } from './watched.ts'

// Loaded by --import into every process of a test run: each answer of each service is held against the description the
// service gives of itself. What is not described is on record for the end of the run.
const services = /^(identity-broker|identity-broker-inner|mcp-provider|tool-invoker|device-auth)$/
// Nobody reads it: the caller was gone.
const unread = 499

const isStarted = (message: unknown): message is { fastify: App } =>
  typeof message === 'object' && message !== null && 'fastify' in message

const told = new Set<string>()
const tell = (line: string): void => {
  const directory = process.env[testRunDirectoryVariable]
  if (directory === undefined || told.has(line)) return
  told.add(line)
  const where = relative(inRepository('.'), process.argv[1] ?? '')
  appendFileSync(join(directory, undescribedFile), `${line} (seen in ${where})\n`)
}

const watch = (app: App): void => {
  let checking: Promise<ReturnType<typeof createCheck> | undefined> | undefined
  app.addHook('onSend', async (request, reply, body) => {
    const { url = '', schema } = request.routeOptions
    if (request.is404 || request.method === 'HEAD' || schema?.hide || reply.statusCode === unread) return
    checking ??= checkOf(app)
    const path = url.replaceAll(/:(\w+)/g, '{$1}').replace(/(?<=.)\/$/, '')
    const { method } = request
    const answer = { method, path, status: reply.statusCode, type: reply.getHeader('content-type')?.toString(), body }
    const fault = (await checking)?.(answer)
    if (fault) tell(`${method} ${path} ${fault}`)
  })
}

const checkOf = async (app: App) => {
  if (typeof app.swagger !== 'function') return undefined
  const description: object & Description & { info?: { title: string } } = JSON.parse(JSON.stringify(app.swagger()))
  if (!services.test(description.info?.title ?? '')) return undefined
  const { createCheck } = await import('./check.ts')
  return createCheck(description)
}

subscribe('fastify.initialization', (message) => {
  if (isStarted(message)) watch(message.fastify)
})
