/** The page at `/`: the sanity check that the server runs. */
export const page = (): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>🐟 signal-server</title>
<style>
  body { display: grid; place-items: center; min-height: 100vh; margin: 0; font: 1rem/1.5 system-ui;
         color: #223; background: #eef6fb }
  main { text-align: center }
  .fish { font-size: min(50vw, 16rem); line-height: 1.2 }
  @media (prefers-color-scheme: dark) { body { color: #dde; background: #10202c } }
</style>
<main>
  <div class="fish">🐟</div>
  <p>signal-server is running.</p>
</main>
</html>
`
