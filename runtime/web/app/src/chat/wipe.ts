/** Deletes what the SDK keeps of an account in this browser, however far its own sign-out has come. */
export async function wipe(account: string): Promise<void> {
  if (!account) return;
  const name = `chatcluster/${location.origin}/${account}`;
  if ((await indexedDB.databases()).some((known) => known.name === name)) await remove(name);
}

function remove(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onblocked = () => resolve(); // it goes when the other tabs have closed it
    request.onerror = () =>
      reject(new Error('The browser could not delete what is stored. Clear this site’s data in its settings.'));
  });
}
