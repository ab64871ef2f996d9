import type { Presentation } from '@onbehalf/testkit'
import { decodeJwt } from 'jose'
import { audience } from './processes.ts'
import type { Person, Told, World } from './world.ts'

/**
 * Whether it counts towards the two times: 429 and 5xx are answers, so that none can arrive any more, and leave the
 * grant, however often they come. A 5xx may have been worked on all the same.
 */
const isCounted = ({ status }: Presentation): boolean => status === undefined || (status < 500 && status !== 429)

/** A refresh token is presented at most twice. */
export const presentedTooOften = (presentations: readonly Presentation[]): string[] =>
  [...byToken(presentations).values()]
    .filter((all) => all.filter(isCounted).length > 2)
    .map((all) => `a refresh token of ${all[0]?.sub} was presented ${all.length} times`)

/** It is presented again only when the first answer can no longer arrive. */
export const presentedTooEarly = (presentations: readonly Presentation[]): string[] =>
  [...byToken(presentations).values()].flatMap((all) =>
    all
      .slice(1)
      .filter(({ began }, index) => (all[index]?.over ?? Number.POSITIVE_INFINITY) > began)
      .map(({ sub }) => `a refresh token of ${sub} was presented while its answer could still arrive`)
  )

/** No answer crosses users. */
export const crossedUsers = (told: readonly Told[]): string[] =>
  told.filter(({ token, login }) => token && decodeJwt(token).sub !== login).map(({ login }) => `crossed: ${login}`)

/** No call goes out without the identity it was asked for: a token for this server, or an error and no token. */
export const withoutIdentity = (told: readonly Told[]): string[] =>
  told
    .filter(({ status, token, code }) =>
      status === 200 ? decodeJwt(token ?? '').aud !== audience : token !== undefined || (status > 0 && !code)
    )
    .map(({ status, login }) => `neither a token for the server nor an error: ${status} for ${login}`)

/** Nothing acknowledged is lost: what was handed out is on record. */
export const acknowledgedAndLost = async ({ api, owner }: World, told: readonly Told[]): Promise<string[]> => {
  const handedOut = told.filter(({ token }) => token !== undefined)
  const lost = [...new Set(handedOut.map(({ userId }) => userId))].map(async (userId) => {
    const { body } = await api(owner, 'GET', `/v1/issuances?user_id=${userId}&outcome=issued&limit=200`)
    const known = new Set(body.data.map(({ jti }: { jti: string }) => jti))
    const own = handedOut.filter((one) => one.userId === userId)
    return own.filter(({ token }) => !known.has(decodeJwt(token ?? '').jti)).map(({ login }) => `lost: of ${login}`)
  })
  return (await Promise.all(lost)).flat()
}

/** Every invariant that does not hold, after all that has happened until now. */
export const breaches = async (world: World): Promise<string[]> => {
  const presentations = world.idp.presentations()
  return [
    ...presentedTooOften(presentations),
    ...presentedTooEarly(presentations),
    ...crossedUsers(world.told),
    ...withoutIdentity(world.told),
    ...(await acknowledgedAndLost(world, world.told))
  ]
}

/** Whether the refresh token that is stored is the one that holds: another access token can be had with it. */
export const canRefresh = async ({ api, three, ask, grantOf }: World, person: Person): Promise<boolean> => {
  const [process] = await three()
  const before = await ask(process, person)
  const { id } = await grantOf(person)
  await api(person, 'DELETE', `/v1/grants/${id}/tokens`)
  const { status, token } = await ask(process, person)
  return status === 200 && token !== before.token
}

const byToken = (presentations: readonly Presentation[]) => Map.groupBy(presentations, ({ token }) => token)
