// Before the first paint: the colour scheme and the language, so that nothing flashes.
(function () {
  var root = document.documentElement;
  var scheme = 'auto';
  try {
    scheme = localStorage.getItem('madang.scheme') || 'auto';
    root.lang = localStorage.getItem('madang.language') || (navigator.language || 'en').slice(0, 2);
  } catch (e) {
    // Storage can be forbidden; the defaults serve.
  }
  if (scheme !== 'light' && scheme !== 'dark') {
    scheme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }
  root.setAttribute('data-mantine-color-scheme', scheme);
})();
