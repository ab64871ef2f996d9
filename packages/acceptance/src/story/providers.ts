import { people } from '@onbehalf/testkit'
import { at, callTool, signInAs, textAt } from '../api.ts'
import { expectSame } from '../expect.ts'
import { callerNamed, idNamed, type Step, type World } from './world.ts'

const register = async (world: World, server_identifier: string, server_url: string): Promise<string[]> => {
  const owner = callerNamed(world, 'owner')
  const icon = { icon: '🔧', icon_type: 'emoji', icon_background: '#e8f0fe' }
  // A data directory that was used before has the provider already; its server may have moved to another port.
  const { body: list } = await owner.send('GET', '/v1/mcp-providers?limit=200')
  const held = [at(list, 'data')].flat().find((one) => at(one, 'server_identifier') === server_identifier)
  if (held) await owner.send('DELETE', `/v1/mcp-providers/${textAt(held, 'id')}`)
  const given = { name: server_identifier, server_identifier, server_url, ...icon }
  const { status, body } = await owner.send('POST', '/v1/mcp-providers', given)
  expectSame(`registering ${server_identifier} (${JSON.stringify(body).slice(0, 300)})`, status, 201)
  world.ids.set(server_identifier, textAt(body, 'id'))
  return [at(body, 'tools')].flat().map((tool) => textAt(tool, 'name'))
}

export const registerProviders: Step = {
  title: 'An owner registers two MCP servers, and their tools are there at once',
  run: async (world) => {
    const { platform, callers } = world
    callers.set('owner', await signInAs(platform, people.owner.login))
    const everything = await register(world, 'everything', platform.everything.url)
    expectSame('server-everything offers echo', everything.includes('echo'), true)
    const whoami = await register(world, 'whoami', platform.whoami.url)
    expectSame('whoami offers whoami', whoami.includes('whoami'), true)
    const echo = { message: 'hello' }
    const { status, body } = await callTool(callerNamed(world, 'owner'), 'everything', 'echo', { arguments: echo })
    expectSame(`calling echo (${JSON.stringify(body).slice(0, 300)})`, status, 200)
    return `everything: ${everything.length} tools, whoami: ${whoami.length} tools; echo answers`
  }
}

export const switchForwardingOn: Step = {
  title: 'Without an identity whoami refuses the call; the owner switches forwarding on',
  run: async (world) => {
    const owner = callerNamed(world, 'owner')
    const refused = await callTool(owner, 'whoami', 'whoami')
    expectSame('whoami refuses', [refused.status, refused.body.code], [428, 'upstream_authorization_required'])
    const change = { forward_user_identity: true, identity_mode: 'idp_token' }
    const { status, body } = await owner.send('PATCH', `/v1/mcp-providers/${idNamed(world, 'whoami')}`, change)
    expectSame(`the change (${JSON.stringify(body).slice(0, 300)})`, status, 200)
    expectSame('both fields', [body.forward_user_identity, body.identity_mode], [true, 'idp_token'])
    return `refused with ${String(refused.body.code)}; now identity_mode is idp_token`
  }
}
