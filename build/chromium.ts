// Where is Chromium, for the tests of pages? Where the system has it, or `CHROMIUM` says; `deno task setup:chromium` asks apt for it.

const names = ["chromium", "chromium-browser", "google-chrome"];

/** Its program; undefined where there is none that shows a page within a minute: one may be installed and not run, as in a container
 *  without what it asks for. */
export async function chromium(): Promise<string | undefined> {
  const candidates = [Deno.env.get("CHROMIUM"), ...names].filter((name) => name !== undefined);
  for (const name of candidates) {
    if (await showsPages(name)) return name;
  }
  return undefined;
}

async function showsPages(name: string): Promise<boolean> {
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "data:text/html,<p>shown"];
  try {
    const signal = AbortSignal.timeout(60_000);
    const { success, stdout } = await new Deno.Command(name, { args, stderr: "null", signal }).output();
    return success && new TextDecoder().decode(stdout).includes("shown");
  } catch {
    return false;
  }
}

if (import.meta.main && await chromium() === undefined) {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = async (...args: string[]) => (await new Deno.Command("apt-get", { args, env }).spawn().status).success;
  const install = () => apt("install", "-y", "--no-install-recommends", "chromium");
  // what apt has may have to be asked first
  const success = await install() || await apt("update") && await install();
  Deno.exit(success && await chromium() !== undefined ? 0 : 1);
}
