import { spotlight } from '@mantine/spotlight';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';

import { DESTINATIONS } from './destinations';

const OPEN = 'madang:shortcuts';

export function openShortcuts(): void {
  window.dispatchEvent(new Event(OPEN));
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** `g h`, `g s` …, `/`, `?`; the state of the overlay that lists them. */
export function useShortcuts(): [boolean, (open: boolean) => void] {
  const navigate = useNavigate();
  const [opened, setOpened] = useState(false);
  useEffect(() => {
    let goneAt = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const place = DESTINATIONS.find(({ key }) => key === event.key);
      if (place && Date.now() - goneAt < 1200) {
        event.preventDefault();
        void navigate({ to: place.to });
      } else if (event.key === '?') {
        setOpened(true);
      } else if (event.key === '/') {
        event.preventDefault();
        spotlight.open();
      }
      goneAt = event.key === 'g' ? Date.now() : 0;
    };
    const onOpen = () => setOpened(true);
    window.addEventListener('keydown', onKey);
    window.addEventListener(OPEN, onOpen);
    return () => {
      window.removeEventListener('keydown', onKey);
      window.removeEventListener(OPEN, onOpen);
    };
  }, [navigate]);
  return [opened, setOpened];
}
