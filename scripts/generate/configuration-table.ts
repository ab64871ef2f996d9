import type { Variables } from '@onbehalf/service-kit'

const cell = (text: string) => text.replaceAll('|', '\\|')

const rowOf = (name: string, { describe, defaultText, isSecret }: Variables[string]): string => {
  const file = isSecret ? ` Also as \`${name}_FILE\`.` : ''
  const value = defaultText === undefined ? 'must be set' : defaultText === '' ? 'empty' : `\`${defaultText}\``
  return `| \`${name}\` | ${cell(describe)}${file} | ${cell(value)} |`
}

/** A service's README with the table of its variables brought up to date between the two marks. */
export const withConfigurationTable = (readme: string, variables: Variables): string => {
  const rows = Object.entries(variables).map(([name, variable]) => rowOf(name, variable))
  const table = ['| variable | what it is | default |', '| --- | --- | --- |', ...rows].join('\n')
  const marked = /<!-- configuration -->[\s\S]*<!-- \/configuration -->/
  if (!marked.test(readme)) throw new Error('the README has no <!-- configuration --> … <!-- /configuration --> marks')
  return readme.replace(marked, () => `<!-- configuration -->\n${table}\n<!-- /configuration -->`)
}
