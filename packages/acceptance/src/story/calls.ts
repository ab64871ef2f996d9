import { people } from '@onbehalf/testkit'
import { at, type Caller, callTool, signInAs, signInDevice, textAt, withToken } from '../api.ts'
import { expectSame } from '../expect.ts'
import { callerNamed, type Step, type World } from './world.ts'

/** Calls whoami, and checks that it was told of exactly this user and of itself as the audience. */
export const expectWhoami = async ({ platform }: World, caller: Caller): Promise<string> => {
  const { status, body } = await callTool(caller, 'whoami', 'whoami')
  expectSame(`calling whoami (${JSON.stringify(body).slice(0, 400)})`, status, 200)
  const told = at(body, 'result', 'structuredContent')
  expectSame('the subject', at(told, 'subject'), people.user.sub)
  expectSame('the e-mail', at(told, 'email'), people.user.email)
  expectSame('the audience', [at(told, 'audience')].flat(), [platform.whoami.url])
  return `whoami was called by ${textAt(told, 'subject')} <${textAt(told, 'email')}>, audience ${platform.whoami.url}`
}

export const callAsUser: Step = {
  title: 'A user signs in at the IdP, and calls as themselves',
  run: async (world) => {
    const user = await signInAs(world.platform, people.user.login)
    world.callers.set('user', user)
    const { body } = await user.send('GET', '/v1/grants')
    const [grant] = [at(body, 'data')].flat()
    expectSame('the grant covers whoami', at(grant, 'resources'), [world.platform.whoami.url])
    world.ids.set('grant', textAt(grant, 'id'))
    return expectWhoami(world, user)
  }
}

export const signInTerminal: Step = {
  title: 'The same user signs in from a terminal with the device flow, and makes the same call',
  run: async (world) => {
    const { platform } = world
    const token = await signInDevice(platform, callerNamed(world, 'user'), 'story terminal')
    const device = withToken(platform, token)
    world.callers.set('terminal', device)
    return expectWhoami(world, device)
  }
}
