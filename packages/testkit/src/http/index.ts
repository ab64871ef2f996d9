export { type Browser, createBrowser, type Hop, type Page, type Submit, type Visit } from './browser.ts'
export { type CookieJar, createCookieJar } from './cookie-jar.ts'
export { type Form, type FormButton, parseForms } from './forms.ts'
export { type SignIn, signIn } from './sign-in.ts'
