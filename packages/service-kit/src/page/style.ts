import { createHash } from 'node:crypto'

/** The whole look of the page; put into each answer with its nonce, so that nothing else can style it. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f7; --card: #fff; --text: #16181d; --quiet: #545b69; --line: #d4d8e0;
  --strong: #1d4ed8; --on-strong: #fff; --good: #166534; --bad: #b42318; --soft: #eef2fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #101217; --card: #1a1d24; --text: #eceef2; --quiet: #a9b0bd; --line: #3a404c;
    --strong: #9bb8ff; --on-strong: #0d1730; --good: #7ddc9e; --bad: #ff9d92; --soft: #232834;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: flex; flex-direction: column; align-items: center; justify-content: center;
  gap: 1rem; padding: 1.25rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif;
}
:lang(zh) body {
  font-family: system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "DejaVu Sans", sans-serif;
  line-break: strict;
}
main {
  width: 100%; max-width: 27rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 1rem; box-shadow: 0 10px 30px rgb(0 0 0 / .06); overflow-wrap: anywhere;
}
h1 { margin: 0 0 .5rem; font-size: 1.375rem; line-height: 1.25; letter-spacing: -.01em; text-wrap: balance; }
h1:focus { outline: none; }
h2 { margin: 1.75rem 0 .25rem; font-size: 1.0625rem; } h3 { margin: 0 0 .25rem; font-size: 1rem; }
article { padding: 1rem; margin-bottom: .75rem; border: 1px solid var(--line); border-radius: .625rem; }
article p { margin-bottom: .75rem; } article button { padding: .5rem 1rem; }
ul { margin: 0 0 1.25rem; padding-left: 1.25rem; color: var(--quiet); } ul strong { color: var(--text); }
p { margin: 0 0 1.25rem; color: var(--quiet); text-wrap: pretty; } p strong { color: var(--text); }
main > :last-child { margin-bottom: 0; }
time { white-space: nowrap; }
.mark { display: block; margin-bottom: 1rem; font-size: 1.75rem; line-height: 1; font-weight: 700; }
.good, p.good { color: var(--good); } .bad, p.bad { color: var(--bad); }
p.note { margin-bottom: 1.25rem; font-size: .875rem; } .note [role="status"] { color: var(--bad); }
p.bad { margin-bottom: .375rem; font-weight: 600; }
p.warning { padding-left: .75rem; border-left: .25rem solid var(--bad); color: var(--text); }
label { display: block; margin-bottom: .375rem; font-weight: 600; }
input[type="text"] {
  width: 100%; padding: .75rem; margin-bottom: 1.25rem; border: 1px solid var(--quiet); border-radius: .625rem;
  background: var(--card); color: inherit; font: 600 1.375rem/1.2 ui-monospace, "DejaVu Sans Mono", monospace;
  letter-spacing: .12em; text-align: center; text-transform: uppercase;
}
::placeholder { color: var(--quiet); font-weight: 400; opacity: 1; }
input.plain { font: inherit; letter-spacing: normal; text-align: left; text-transform: none; }
.code {
  margin: 0 0 1.25rem; padding: .75rem; border-radius: .625rem; background: var(--soft); color: var(--text);
  font: 600 1.5rem/1.2 ui-monospace, "DejaVu Sans Mono", monospace; letter-spacing: .12em; text-align: center;
}
dl { margin: 0 0 1.25rem; border-top: 1px solid var(--line); }
dl div { display: flex; gap: 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
dt { flex: 0 0 6.5rem; color: var(--quiet); }
dd { margin: 0; min-width: 0; }
.choice { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button, .button {
  display: block; width: 100%; padding: .75rem 1rem; border: 2px solid var(--strong); border-radius: .625rem;
  background: var(--strong); color: var(--on-strong); font: inherit; font-weight: 600; line-height: 1.25;
  text-align: center; text-decoration: none; cursor: pointer;
}
.choices { display: grid; gap: .75rem; }
.choices .note { margin: .375rem 0 .25rem; }
.quiet { background: transparent; color: var(--strong); }
a:not(.button) { color: var(--strong); }
.other { margin: 1.25rem 0 0; text-align: center; }
.links { display: flex; flex-wrap: wrap; justify-content: center; gap: .5rem 1.5rem; }
:focus-visible { outline: 3px solid var(--strong); outline-offset: 2px; }
@media (max-width: 26rem) {
  body { padding: .75rem; }
  main { padding: 1.25rem; }
  dl div { gap: .75rem; }
  dt { flex-basis: 5.5rem; }
}
footer { color: var(--quiet); font-size: .875rem; }
`

/** The style as a Content-Security-Policy names it, for pages that nobody puts a nonce into. */
export const styleHash = `sha256-${createHash('sha256').update(style).digest('base64')}`
