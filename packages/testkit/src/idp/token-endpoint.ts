import type { Provider } from 'oidc-provider'
import type { createFaults } from './faults.ts'
import type { createHold } from './hold.ts'
import type { createLog } from './log.ts'
import { peekForm } from './peek-form.ts'
import type { createPresentations } from './presentations.ts'
import type { Signer } from './signer.ts'

type Context = Parameters<Parameters<Provider['use']>[0]>[0]
type Watch = {
  log: ReturnType<typeof createLog>
  presentations: ReturnType<typeof createPresentations>
  faults: ReturnType<typeof createFaults>
  hold: ReturnType<typeof createHold>
  signer: Signer
  onSecret: (secret: string) => void
}

/** Records what the token endpoint is asked, and lets it go wrong on request. */
export const watchTokenEndpoint = (provider: Provider, watch: Watch): void => {
  const { log, presentations, faults, hold, signer, onSecret } = watch

  /** Does the wrong instead of the work; what it did, or undefined where the work is still to be done. */
  const goWrong = async (ctx: Context, fault: ReturnType<typeof faults.take>): Promise<string | undefined> => {
    const form = await peekForm(ctx.req).catch(() => new URLSearchParams())
    const shown = form.get('refresh_token')
    const sub = shown === null ? undefined : (await provider.RefreshToken.find(shown))?.accountId
    const presentation = shown === null ? undefined : presentations.begin(shown, sub, ctx.res)
    if (typeof fault === 'function') {
      const answer = await fault({ sub: sub ?? '', resource: form.get('resource') ?? '', signer })
      faults.send(ctx.res, answer)
      return 'answered on purpose'
    }
    if (presentation) presentation.isReadable = fault !== 'unreadable-200'
    return faults.misbehave(fault, ctx.res) ? fault : undefined
  }

  provider.use(async (ctx, next) => {
    if (ctx.path !== '/token' || ctx.method !== 'POST') return next()
    const fault = faults.take()
    const error = await goWrong(ctx, fault)
    if (error !== undefined) {
      ctx.respond = false
      log.add({ ...nobody, at: new Date().toISOString(), grant_type: 'failed on purpose', error })
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

const drop = (ctx: Context): void => {
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
