import { Agent, request } from 'undici'
import { type CookieJar, createCookieJar } from './cookie-jar.ts'
import { type Form, type FormButton, parseForms } from './forms.ts'

export type Hop = { method: string; url: string; status: number }

/** Where the browser ended after following redirects, and every step on the way. */
export type Page = {
  url: string
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
  hops: Hop[]
  forms: () => Form[]
  json: () => unknown
}

export type Visit = {
  method?: string
  headers?: Record<string, string>
  /** Sent as a form. */
  form?: Record<string, string>
  /** Sent as JSON. */
  json?: unknown
  /** Whether to go where a redirect points; the default is yes. The page is then the redirect itself. */
  follow?: boolean | ((to: URL) => boolean)
}

export type Submit = {
  values?: Record<string, string>
  /** Which button is pressed: by its name and value, or by its label. Left out: none, or the only one. */
  button?: { name?: string; value?: string; label?: string }
  headers?: Record<string, string>
  follow?: Visit['follow']
}

export type Browser = {
  visit: (url: string | URL, visit?: Visit) => Promise<Page>
  /** Fills in and sends a form of a page, by default the first. */
  submit: (page: Page, form: Form | undefined, submit?: Submit) => Promise<Page>
  cookies: CookieJar
  close: () => Promise<void>
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** A browser for tests: cookies, redirects and forms over plain HTTP, and a record of every hop. */
export const createBrowser = ({ hopsMax = 20, timeoutMs = 60_000 } = {}): Browser => {
  const cookies = createCookieJar()
  const agent = new Agent({ headersTimeout: timeoutMs, bodyTimeout: timeoutMs })

  const load = async (url: URL, method: string, headers: Record<string, string>, body: string | undefined) => {
    const cookie = cookies.header(url)
    const response = await request(url, {
      dispatcher: agent,
      method: methodOf(method),
      headers: { accept: 'text/html,*/*', ...headers, ...(cookie && { cookie }) },
      body: body ?? null
    })
    cookies.store(url, listOf(response.headers['set-cookie']))
    return { status: response.statusCode, headers: response.headers, text: await response.body.text() }
  }

  const visit: Browser['visit'] = async (start, { method, headers = {}, form, json, follow = true } = {}) => {
    let url = new URL(start)
    let body = form ? new URLSearchParams(form).toString() : json === undefined ? undefined : JSON.stringify(json)
    let verb = method ?? (body === undefined ? 'GET' : 'POST')
    let type = form ? 'application/x-www-form-urlencoded' : 'application/json'
    const hops: Hop[] = []
    for (;;) {
      const sent: Record<string, string> = body === undefined ? headers : { 'content-type': type, ...headers }
      const { status, headers: received, text } = await load(url, verb, sent, body)
      hops.push({ method: verb, url: url.href, status })
      const location = redirects.has(status) ? listOf(received.location)[0] : undefined
      const next = location === undefined ? undefined : new URL(location, url)
      const goesOn = next !== undefined && (typeof follow === 'function' ? follow(next) : follow)
      if (!goesOn) return pageOf(url, status, received, text, hops)
      if (hops.length > hopsMax)
        throw new Error(`more than ${hopsMax} redirects: ${hops.map((hop) => hop.url).join(' ')}`)
      if (status < 307 && verb !== 'HEAD') {
        verb = 'GET'
        body = undefined
        type = ''
      }
      url = next
    }
  }

  const submit: Browser['submit'] = (page, form = page.forms()[0], { values = {}, button, headers, follow } = {}) => {
    if (!form) throw new Error(`no form at ${page.url}:\n${page.body.slice(0, 500)}`)
    const pressed = findButton(form, button)
    const fields = { ...form.values, ...(pressed?.name && { [pressed.name]: pressed.value }), ...values }
    const target = new URL(form.action || page.url, page.url)
    // As a browser: without an Origin a check of it cannot pass.
    const all = { origin: new URL(page.url).origin, referer: page.url, ...headers }
    const rest = { headers: all, ...(follow !== undefined && { follow }) }
    if (form.method === 'POST') return visit(target, { ...rest, method: 'POST', form: fields })
    target.search = new URLSearchParams(fields).toString()
    return visit(target, rest)
  }

  return { visit, submit, cookies, close: () => agent.close() }
}

const pageOf = (url: URL, status: number, headers: Page['headers'], body: string, hops: Hop[]): Page => ({
  ...{ url: url.href, status, headers, body, hops },
  forms: () => parseForms(body),
  json: () => JSON.parse(body)
})

const findButton = (form: Form, wanted: Submit['button']): FormButton | undefined => {
  if (!wanted) return form.buttons.length === 1 ? form.buttons[0] : undefined
  const found = form.buttons.find(
    ({ name, value, label }) =>
      (wanted.name === undefined || name === wanted.name) &&
      (wanted.value === undefined || value === wanted.value) &&
      (wanted.label === undefined || label === wanted.label)
  )
  if (!found) throw new Error(`no such button: ${JSON.stringify(wanted)} in ${JSON.stringify(form.buttons)}`)
  return found
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const methodOf = (method: string): (typeof methods)[number] => {
  const known = methods.find((name) => name === method.toUpperCase())
  if (!known) throw new Error(`unknown method ${method}`)
  return known
}

const listOf = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value]
