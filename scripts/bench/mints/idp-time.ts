import { Agent, request } from 'node:http'

/** The median of what the token endpoint takes when it is asked directly, one refresh after the other; milliseconds. */
export const idpTimeOf = async (issuer: string): Promise<number> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const body = 'grant_type=refresh_token&refresh_token=somebody.first&resource=https%3A%2F%2Ftools.example%2Fmcp'
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const asked = request(`${issuer}/token`, { method: 'POST', agent, headers }, (answer) => {
        answer.resume().once('end', resolve).once('error', reject)
      })
      asked.once('error', reject).end(body)
    })
  const times: number[] = []
  for (let done = 0; done < 1_000; done += 1) {
    const startedAt = performance.now()
    await ask()
    times.push(performance.now() - startedAt)
  }
  agent.destroy()
  return times.sort((one, other) => one - other)[times.length / 2] ?? Number.NaN
}
