import { startIdp } from '@onbehalf/testkit'

// The IdP of the demo and of the tests in a process of its own: as strict as a real one, with refresh tokens that rotate.
// Its access tokens end so soon that nobody keeps them. It is told our callback and how many people it has; its first line
// of output is its issuer.
const [callback = '', total = '0'] = process.argv.slice(2)
const users = Array.from({ length: Number(total) }, (_, index) => {
  const sub = `person-${index}`
  return { sub, name: sub, email: `${sub}@acme.test`, email_verified: true }
})
const client = { client_id: 'onbehalf', token_endpoint_auth_method: 'none', redirect_uris: [callback] } as const
const { issuer } = await startIdp({ clients: [client], users, accessTokenSeconds: 20 })
console.log(issuer)
