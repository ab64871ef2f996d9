import { at } from '@onbehalf/acceptance'
import { createBrowser, type Platform } from '@onbehalf/testkit'

/** A route as its service describes it: `path` has its parameters in braces, `credentials` are empty where it is public. */
export type Route = { url: string; method: string; path: string; credentials: string[] }

/** The headers that show who is asking. */
export type Credential = Readonly<Record<string, string>>

/** Every route of every service, the inner listener's too, as their /openapi.json has them. */
export const routesOf = async ({ services, innerUrl }: Platform): Promise<Route[]> => {
  const urls = [...Object.values(services).map(({ url }) => url), innerUrl]
  return (await Promise.all(urls.map(describedAt))).flat()
}

const describedAt = async (url: string): Promise<Route[]> => {
  const described = (await createBrowser().visit(`${url}/openapi.json`)).json()
  return Object.entries(at(described, 'paths') ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods ?? {}).map(([method, operation]) => ({
      url,
      method: method.toUpperCase(),
      path,
      credentials: [at(operation, 'security') ?? []].flat().flatMap((one) => Object.keys(one ?? {}))
    }))
  )
}

export const nameOf = ({ method, path }: Route): string => `${method} ${path}`
export const isInner = ({ credentials }: Route): boolean => credentials.includes('inner')
export const hasParameter = ({ path }: Route): boolean => path.includes('{')

export type Asked = {
  credential?: Credential
  /** The path's parameters; one that is left out is the id of nothing. */
  ids?: Readonly<Record<string, string>>
  /** Sent where the method has a body. */
  body?: object | undefined
}

/** Asks the service itself, each time from another address: refused credentials are counted by it. */
export const ask = async ({ url, method, path }: Route, { credential = {}, ids = {}, body = {} }: Asked) => {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => ids[name] ?? nothing)
  const hasBody = ['POST', 'PUT', 'PATCH'].includes(method)
  const headers = { accept: 'application/json', 'x-forwarded-for': nextAddress(), ...credential }
  const browser = createBrowser()
  const page = await browser.visit(`${url}${filled}`, {
    ...{ method, headers, follow: false },
    ...(hasBody ? { json: body } : {})
  })
  await browser.close()
  return page
}

const nothing = '01890000-0000-7000-8000-000000000000'

let addresses = 0
// RFC 3849: for documentation, nobody's.
const nextAddress = (): string => {
  addresses += 1
  return `2001:db8:0:${addresses.toString(16)}::1`
}
