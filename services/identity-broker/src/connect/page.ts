/** What a person reads on the connect page. Everything in `given` came with the URL. */
type Given = { tenant: string; provider: string | undefined; isDone: boolean }

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? '')

const style = `
:root { color-scheme: light dark; --ink: #16202b; --soft: #55606c; --ground: #f4f6f8; --card: #fff; --line: #d8dee5; --act: #0b5cad }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #a5b0bb; --ground: #10161c; --card: #19212a; --line: #33404d; --act: #6db3f8 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: min(28rem, calc(100vw - 2rem)); background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 2rem }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .75rem }
p { margin: 0 0 1rem; color: var(--soft) }
code { color: var(--ink); overflow-wrap: anywhere }
button { font: inherit; font-weight: 600; width: 100%; padding: .7rem 1rem; border: 0; border-radius: .5rem; background: var(--act); color: var(--card); cursor: pointer }
button:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px }`

/** The page a refused user lands on: names the server, and leads to the sign-in. Works without JavaScript. */
export const connectPage = ({ tenant, provider, isDone }: Given, nonce: string): string => {
  const server = provider ? `the tool server <code>${escapeHtml(provider)}</code>` : 'your tools'
  const body = isDone
    ? `<h1>You are signed in</h1><p>Tools can be called as you again. You can close this page and try again.</p>`
    : `<h1>Sign in to go on</h1>
<p>Somebody tried to call ${server} as you, and there is no sign-in of yours that allows it. Sign in, and calls are made as you and as nobody else.</p>
<p>If you did not expect this, close the page: nothing happens.</p>
<form method="get" action="/auth/sign-in">
<input type="hidden" name="tenant" value="${escapeHtml(tenant)}">
${provider ? `<input type="hidden" name="provider" value="${escapeHtml(provider)}">` : ''}
<input type="hidden" name="return_to" value="${escapeHtml(donePath(tenant, provider))}">
<button type="submit">Sign in</button>
</form>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Onbehalf</title><style nonce="${nonce}">${style}</style></head>
<body><main>${body}</main></body></html>`
}

const donePath = (tenant: string, provider: string | undefined): string => {
  const query = new URLSearchParams({ tenant, ...(provider ? { provider } : {}), done: 'true' })
  return `/connect?${query}`
}
