export type View = 'events' | 'destinations';

interface ViewSwitchProps {
  view: View;
  onSwitch: (view: View) => void;
  destinationCount: number | undefined;
}

/** For windows too narrow to show both; elsewhere the styles hide it. */
export function ViewSwitch({ view, onSwitch, destinationCount }: ViewSwitchProps) {
  return (
    <nav className="view-switch segmented" aria-label="View">
      <button type="button" aria-pressed={view === 'events'} onClick={() => onSwitch('events')}>
        Events
      </button>
      <button type="button" aria-pressed={view === 'destinations'} onClick={() => onSwitch('destinations')}>
        Destinations {destinationCount !== undefined && <span className="muted">{destinationCount}</span>}
      </button>
    </nav>
  );
}
