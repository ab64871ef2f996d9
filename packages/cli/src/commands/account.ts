import { UnexpectedAnswer } from '@onbehalf/client'
import { findAccount, forgetAccount, readAccounts } from '../accounts/accounts.ts'
import { Problem } from '../problem.ts'
import { cleanLine } from '../terminal/clean.ts'
import { type Command, chosenOf, printResult, signedIn } from './command.ts'

export const logout: Command = {
  name: 'logout',
  takes: '',
  summary: 'Revoke the token and forget it',
  examples: ['onbehalf logout', 'onbehalf logout --account ann@acme.test'],
  run: async (io, given) => {
    const account = findAccount(io, chosenOf(io, given))
    if (!account) throw new Problem('signIn', 'You are not signed in there.')
    const { api } = await signedIn(io, {
      ...given,
      options: { ...given.options, server: account.server, account: account.name }
    })
    const answer = await api.ask('DELETE /openapi/v1/account/sessions/self', {}).catch((error: unknown) => {
      if (error instanceof Problem || error instanceof UnexpectedAnswer) return undefined
      throw error
    })
    await forgetAccount(io, account)
    const isRevoked = answer?.status === 200 || answer?.status === 401
    if (!isRevoked) io.tell(`${account.server} could not be told: the token there ends ${account.expires_at}.`)
    printResult(io, given, { server: account.server, account: account.name, is_revoked: isRevoked }, [
      `Signed out of ${account.server} as ${account.name}`
    ])
  }
}

export const whoami: Command = {
  name: 'whoami',
  takes: '',
  summary: 'Who you are at the server, and where',
  examples: ['onbehalf whoami', 'onbehalf whoami --output json'],
  run: async (io, given) => {
    const { server, api, refusal } = await signedIn(io, given)
    const answer = await api.ask('GET /openapi/v1/account', {})
    if (answer.status !== 200) throw refusal(answer)
    const { account, workspaces, subject_email, subject_issuer, expires_at } = answer.body
    printResult(io, given, { server, ...answer.body }, [
      `${cleanLine(account?.email ?? subject_email ?? account?.id)}${account?.name ? ` (${cleanLine(account.name)})` : ''} at ${server}`,
      ...workspaces.map(({ name, role }) => `${cleanLine(role)} of ${cleanLine(name)}`),
      ...(account ? [] : [`signed in by ${cleanLine(subject_issuer)}`]),
      `until ${cleanLine(expires_at)}`
    ])
  }
}

export const status: Command = {
  name: 'status',
  takes: '',
  summary: 'The servers and accounts that are known here; the first is used',
  examples: ['onbehalf status'],
  run: async (io, given) => {
    const { accounts, pending } = readAccounts(io)
    const shown = accounts.map((account) => ({ ...account, is_over: Date.parse(account.expires_at) < Date.now() }))
    const lines = shown.map(({ server, name, expires_at, place, is_over }) =>
      [name, server, is_over ? 'over: sign in again' : `until ${expires_at}`, `in the ${place}`]
        .map((one) => cleanLine(one))
        .join('\t')
    )
    if (io.env.ONBEHALF_TOKEN) io.tell('ONBEHALF_TOKEN is set, and used in the place of these.')
    if (pending) io.tell(`A sign-in at ${pending.server} waits: onbehalf login --resume`)
    if (lines.length === 0) io.tell('Nobody is signed in. Sign in: onbehalf login --server URL')
    printResult(io, given, { accounts: shown }, lines)
  }
}
