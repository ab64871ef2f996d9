import { people } from '@onbehalf/testkit'
import { askInner, at, callTool, withToken } from '../api.ts'
import { expectSame } from '../expect.ts'
import { callerNamed, idNamed, type Step, type World } from './world.ts'

const refreshesOfUser = ({ platform }: World): number => platform.idp.log().refreshes_by_user[people.user.sub] ?? 0

const emptyTokens = async (world: World): Promise<void> => {
  const path = `/v1/grants/${idNamed(world, 'grant')}/tokens`
  const { status } = await callerNamed(world, 'user').send('DELETE', path)
  expectSame('emptying the minted tokens', status, 204)
}

const callsAtOnce = 100

export const refreshOnce: Step = {
  title: `The user's tokens are emptied and ${callsAtOnce} calls go out at once: the IdP sees one refresh`,
  run: async (world) => {
    const terminal = callerNamed(world, 'terminal')
    const before = refreshesOfUser(world)
    await emptyTokens(world)
    const calls = Array.from({ length: callsAtOnce }, () => callTool(terminal, 'whoami', 'whoami'))
    const answers = await Promise.all(calls)
    const subjects = answers.map(({ body }) => at(body, 'result', 'structuredContent', 'subject'))
    const bad = answers.find(({ status }) => status !== 200)
    expectSame(`every call is answered (${JSON.stringify(bad?.body)})`, bad, undefined)
    expectSame('every answer is of the user', new Set(subjects).size === 1 && subjects[0], people.user.sub)
    const refreshes = refreshesOfUser(world) - before
    expectSame('refreshes at the IdP', refreshes, 1)
    return `${answers.length} answers for ${people.user.sub}, ${refreshes} refresh at the IdP`
  }
}

export const refuseWithoutIdentity: Step = {
  title: 'Who cannot be acted for is refused before the MCP server is contacted, and never called anonymously',
  run: async (world) => {
    const { platform } = world
    const { whoami, idp, userIds, secrets } = platform
    const callsBefore = whoami.log().length
    const app = withToken(platform, secrets.apiKey)
    const absent = await callTool(app, 'whoami', 'whoami', { user_id: userIds[people.absent.sub] })
    expectSame('who never signed in', [absent.status, absent.body.code], [428, 'no_refresh_token'])
    expectSame('they are told where to', String(absent.body.connect_url).startsWith(platform.publicUrl), true)

    idp.revokeGrantsOf(people.user.sub)
    await emptyTokens(world)
    const userId = userIds[people.user.sub] ?? ''
    const inner = await askInner(platform, { userId, audience: whoami.url })
    expectSame('the inner port', [inner.status, inner.body.code], [401, 'identity_refresh_rejected'])
    const refused = await callTool(callerNamed(world, 'terminal'), 'whoami', 'whoami')
    expectSame('the call', [refused.status, refused.body.code], [428, 'identity_refresh_rejected'])
    expectSame('they are told where to', String(refused.body.connect_url).startsWith(platform.publicUrl), true)
    expectSame('requests that reached whoami meanwhile', whoami.log().length - callsBefore, 0)
    return '428 no_refresh_token, 401 inside, 428 identity_refresh_rejected; whoami saw no request'
  }
}
