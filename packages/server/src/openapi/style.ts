/** How the page of the API looks, by day and by night. */
export const STYLE = `
:root { color-scheme: light dark; --line: #8885; --quiet: #8882; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line); }
section { margin-top: 2rem; border-top: 1px solid var(--line); scroll-margin-top: 1rem; }
section:target h3 { background: var(--quiet); }
code { font: 0.9em ui-monospace, monospace; background: var(--quiet); padding: 0.1em 0.3em; border-radius: 3px; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: 0.25rem 1rem 0.25rem 0; text-align: left; vertical-align: top; }
h4 { margin: 1rem 0 0; }
p { margin: 0.5rem 0; }
`;
