import { Agent, request } from 'node:http'

type Asked = { issuer: string; resource: string; refreshToken: string; times: number }

/** The median of what the token endpoint takes when it is asked directly, one refresh after the other; milliseconds. */
export const idpTimeOf = async ({ issuer, resource, refreshToken, times }: Asked): Promise<number> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const refresh = (refresh_token: string) =>
    new Promise<string>((resolve, reject) => {
      const form = { grant_type: 'refresh_token', client_id: 'onbehalf', refresh_token, resource }
      const asked = request(`${issuer}/token`, { method: 'POST', agent, headers }, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.once('error', reject).once('end', () => resolve(text))
      })
      asked.once('error', reject).end(new URLSearchParams(form).toString())
    })
  const taken: number[] = []
  let next = refreshToken
  while (taken.length < times) {
    const startedAt = performance.now()
    const { refresh_token } = JSON.parse(await refresh(next))
    taken.push(performance.now() - startedAt)
    if (!refresh_token) throw new Error('the IdP gave no refresh token')
    next = refresh_token
  }
  agent.destroy()
  return taken.sort((one, other) => one - other)[Math.floor(times / 2)] ?? Number.NaN
}
