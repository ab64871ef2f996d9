import type { ConnectionStore } from '../connections/store.ts'
import { orSendBack } from '../device-sso/send-back.ts'
import type { SignInBrowser } from '../sessions/start.ts'
import { takeBegun } from '../sign-in/begun.ts'
import { failed } from '../sign-in/failed.ts'
import { type FinishNeeds, finishSignIn } from '../sign-in/finish.ts'
import { authTimeOf, requireFresh } from '../sign-in/fresh.ts'
import type { SignInStates } from '../sign-in/state.ts'
import type { UserStore } from '../users/store.ts'
import type { SamlExchanges } from './exchanges.ts'

export type CompleteSamlNeeds = FinishNeeds & {
  users: Pick<UserStore, 'find' | 'findTenant'>
  connections: Pick<ConnectionStore, 'find'>
  states: Pick<SignInStates, 'take'>
  samlExchanges: Pick<SamlExchanges, 'takeResult'>
}

type Came = { state: string; handle: string; binding: string | undefined; browser: SignInBrowser }

/** Signs in whom the IdP named, in the browser that began, and in no other. It leaves nothing to act with later. */
export const completeSamlSignIn = async (needs: CompleteSamlNeeds, { state, handle, binding, browser }: Came) => {
  const { remembered, connection } = await takeBegun(needs, state, binding)
  return orSendBack(remembered, async () => {
    const result = await needs.samlExchanges.takeResult(state, handle)
    if (!result) throw failed('This sign-in has ended or was used already.')
    const { auth_time: said, ...person } = result
    const auth_time = authTimeOf(said) ?? null
    requireFresh(remembered.max_age, auth_time)
    const session = { idp_session: null, auth_time, id_token: undefined, browser }
    return finishSignIn(needs, { remembered, connection, person, keep: async () => {}, ...session })
  })
}
