import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { createBrowser } from '../../src/http/index.ts'
import { listen, stopServer } from '../../src/http/listen.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

const site = async (test: Test, handle: Handler) => {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    handle(request, response, body)
  })
  const port = await listen(server)
  const browser = createBrowser()
  test.teardown(async () => {
    await browser.close()
    await stopServer(server)
  })
  return { origin: `http://127.0.0.1:${port}`, browser }
}

t.test('cookies go back where they belong, and only there', async (t) => {
  const { origin, browser } = await site(t, ({ headers, url }, response) => {
    if (url === '/set') {
      response.setHeader('set-cookie', [
        'plain=1; HttpOnly',
        'deep=2; Path=/deep',
        '__Host-good=3; Path=/; Secure',
        '__Host-bad=4; Path=/',
        '__Host-worse=5; Path=/deep; Secure',
        '__Secure-bad=6; Path=/',
        'gone=7; Path=/; Max-Age=60'
      ])
    }
    if (url === '/unset') response.setHeader('set-cookie', ['gone=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
    response.end(headers.cookie ?? '')
  })
  await browser.visit(`${origin}/set`)
  t.same(browser.cookies.all(new URL(`${origin}/x`)), { plain: '1', '__Host-good': '3', gone: '7' })
  t.equal((await browser.visit(`${origin}/deep/x`)).body, 'deep=2; plain=1; __Host-good=3; gone=7')
  t.equal((await browser.visit(`${origin}/deeper`)).body, 'plain=1; __Host-good=3; gone=7')
  await browser.visit(`${origin}/unset`)
  t.equal((await browser.visit(`${origin}/`)).body, 'plain=1; __Host-good=3')
  const other = await site(t, ({ headers }, response) => response.end(headers.cookie ?? 'none'))
  t.equal((await browser.visit(other.origin)).body, 'none')
})

t.test('redirects are followed with the right method, and every hop is told', async (t) => {
  const { origin, browser } = await site(t, ({ url, method }, response, body) => {
    const to: Record<string, [number, string]> = {
      '/303': [303, '/end'],
      '/307': [307, 'end'],
      '/loop': [302, '/loop']
    }
    const [status, location] = to[url ?? ''] ?? [200, undefined]
    response.writeHead(status, location === undefined ? {} : { location }).end(`${method} ${body}`)
  })
  const seen = await browser.visit(`${origin}/303`, { form: { a: '1' } })
  t.equal(seen.body, 'GET ')
  t.same(seen.hops, [
    { method: 'POST', url: `${origin}/303`, status: 303 },
    { method: 'GET', url: `${origin}/end`, status: 200 }
  ])
  t.equal((await browser.visit(`${origin}/307`, { form: { a: '1' } })).body, 'POST a=1')
  t.match(await browser.visit(`${origin}/303`, { follow: false }), { status: 303, headers: { location: '/end' } })
  await t.rejects(browser.visit(`${origin}/loop`), { message: /more than 20 redirects/ })
})

t.test('a form is sent as a browser would send it', async (t) => {
  const html = `<!-- <form action="/no"><input name=no></form> -->
    <form method="post" action="/sent?a=1&amp;b=2">
      <input type="hidden" name="csrf" value="a&quot;b&#39;c"><input name=plain>
      <input type="checkbox" name="on" checked><input type="checkbox" name="off" value="x">
      <select name="pick"><option value="1">one<option value="2" selected>two</select>
      <textarea name="text">a &lt; b</textarea><input type="file" name="file">
      <button name="decision" value="yes">Yes, <b>do</b></button><button name="decision" value="no">No</button>
    </form>`
  const { origin, browser } = await site(t, ({ url, headers, method }, response, body) => {
    const isHtml = url === '/page'
    response.end(
      isHtml
        ? html
        : JSON.stringify({ url, method, origin: headers.origin, ...Object.fromEntries(new URLSearchParams(body)) })
    )
  })
  const page = await browser.visit(`${origin}/page`)
  const sent = await browser.submit(page, undefined, { values: { plain: 'p' }, button: { label: 'Yes, do' } })
  t.same(sent.json(), {
    ...{ url: '/sent?a=1&b=2', method: 'POST', origin, csrf: `a"b'c`, plain: 'p' },
    ...{ on: 'on', pick: '2', text: 'a < b', decision: 'yes' }
  })
  t.throws(() => browser.submit(page, undefined, { button: { label: 'Maybe' } }), { message: /no such button/ })
})
