import type { Provider } from 'oidc-provider'
import type { createFaults } from './faults.ts'
import type { createHold } from './hold.ts'
import type { createLog } from './log.ts'

/** Counts what the token endpoint is asked, and lets it go wrong on request. */
export const watchTokenEndpoint = (
  provider: Provider,
  log: ReturnType<typeof createLog>,
  { faults, hold }: { faults: ReturnType<typeof createFaults>; hold: ReturnType<typeof createHold> },
  onSecret: (secret: string) => void
): void => {
  provider.use(async (ctx, next) => {
    if (ctx.path !== '/token' || ctx.method !== 'POST') return next()
    const fault = faults.take()
    if (faults.misbehave(fault, ctx.res)) {
      ctx.respond = false
      log.add({ ...nobody, at: new Date().toISOString(), grant_type: 'failed on purpose', error: fault })
      return
    }
    if (!(await hold.pass('arrival'))) return drop(ctx)
    await next()
    const { params, entities } = ctx.oidc
    log.add({
      at: new Date().toISOString(),
      grant_type: textOf(params?.grant_type) ?? 'unknown',
      client_id: textOf(params?.client_id) ?? entities.Client?.clientId,
      sub: entities.Account?.accountId ?? entities.RefreshToken?.accountId,
      resource: textOf(params?.resource),
      status: ctx.status,
      error: errorOf(ctx.body)
    })
    for (const secret of secretsOf(params, ctx.body)) onSecret(secret)
    if (!(await hold.pass('answer'))) return drop(ctx)
    if (fault === 'lost' || fault === 'late-hang') ctx.respond = false
    if (fault === 'lost') ctx.res.socket?.resetAndDestroy()
  })
}

const drop = (ctx: Parameters<Parameters<Provider['use']>[0]>[0]): void => {
  ctx.respond = false
  ctx.res.destroy()
}

const nobody = { client_id: undefined, sub: undefined, resource: undefined, status: 0 }

/** Every secret of an exchange: the code or token that was shown, and what was given for it. */
const secretsOf = (params: Record<string, unknown> | undefined, body: unknown): string[] => {
  const given: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {}
  const { access_token, refresh_token, id_token } = given
  const shown = [params?.code, params?.code_verifier, params?.refresh_token, params?.subject_token]
  return [...shown, access_token, refresh_token, id_token].filter((secret) => typeof secret === 'string')
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const errorOf = (body: unknown): string | undefined =>
  typeof body === 'object' && body !== null && 'error' in body ? textOf(body.error) : undefined
