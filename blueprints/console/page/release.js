// A wall screen stays open for weeks: when the server has a new release, the page loads itself anew.

const CHECK_SECONDS = 600;

export function watchRelease() {
  setInterval(async () => {
    try {
      const answer = await fetch(location.pathname, { cache: "no-cache" });
      const version = /data-version="([0-9a-f]+)"/.exec(await answer.text())?.[1];
      if (answer.ok && version && version !== document.documentElement.dataset.version) location.reload();
    } catch {
      // The server is away; the next look will tell.
    }
  }, CHECK_SECONDS * 1000);
}
