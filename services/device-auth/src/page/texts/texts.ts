import type { Problem } from '../problem.ts'

export type Message = { title: string; text: string }

/** Every word of the page. A language that leaves one out does not compile. */
export type Texts = {
  codeEntry: Message & {
    label: string
    form: string
    /** Said when a character was left out that no code has. */
    notInCodes: string
    malformed: string
    go: string
  }
  chooser: Message & {
    member: string
    memberNote: string
    sso: string
    ssoNote: string
    only: string
  }
  organisation: Message & { label: string; unknown: string; go: string }
  authorize: Message & {
    documentTitle: string
    warning: string
    device: string
    client: string
    ip: string
    askedAt: string
    timeLeft: string
    signsInAs: string
    identityProvider: string
    mayDo: string
    memberMayDo: string
    externalMayDo: string
    deny: string
    approve: string
    otherAccount: string
  }
  success: Message
  denied: Message
  problems: Record<Problem, Message>
  tryAgainIn: (minutes: number) => string
  anotherCode: string
  enterCode: string
  tryAgain: string
  goOn: string
  signInAgain: string
  minutes: (minutes: number) => string
  minutesAgo: (minutes: number) => string
}
