import { createTheme, type MantineColorsTuple } from '@mantine/core';

/** Jjok, the blue of Korean indigo: the one accent. */
const jjok: MantineColorsTuple = [
  '#eef3fa', '#dbe6f4', '#b8cdea', '#93b2df', '#7aa0d8', '#5f8acb', '#4675b8', '#2d5a9e', '#264d88', '#1c3a68',
];
/** Hanji, a warm paper grey, from light to dark. */
const gray: MantineColorsTuple = [
  '#faf9f7', '#f4f2ef', '#eae7e2', '#dedad3', '#c9c4bb', '#a8a299', '#79736a', '#575249', '#3a3732', '#23211e',
];
const dark: MantineColorsTuple = [
  '#e3e0da', '#c0bbb2', '#a09a90', '#6f6a62', '#45423d', '#35332f', '#272523', '#1d1c1a', '#161514', '#0f0f0e',
];

const SMALL = { defaultProps: { size: 'xs' } };

export const theme = createTheme({
  primaryColor: 'jjok',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  colors: { jjok, gray, dark },
  fontFamily: "'Pretendard Variable', Pretendard, -apple-system, 'Apple SD Gothic Neo', 'Malgun Gothic', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', 'JetBrains Mono', 'Pretendard Variable', ui-monospace, monospace",
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  spacing: { xs: '4px', sm: '8px', md: '12px', lg: '16px', xl: '24px' },
  radius: { xs: '4px', sm: '6px', md: '6px', lg: '6px', xl: '6px' },
  defaultRadius: 'sm',
  shadows: {
    xs: 'var(--shadow)', sm: 'var(--shadow)', md: 'var(--shadow)', lg: 'var(--shadow)', xl: 'var(--shadow)',
  },
  headings: { fontWeight: '600' },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Button: SMALL,
    TextInput: { defaultProps: { size: 'sm' } },
    PasswordInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', comboboxProps: { shadow: 'sm' } } },
    Textarea: { defaultProps: { size: 'sm' } },
    NumberInput: { defaultProps: { size: 'sm' } },
    SegmentedControl: SMALL,
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray', size: 'md' } },
    Tooltip: { defaultProps: { openDelay: 250, fz: 12, withArrow: false, multiline: true, maw: 360 } },
    Menu: { defaultProps: { shadow: 'sm', position: 'bottom-end' } },
    Popover: { defaultProps: { shadow: 'sm' } },
    Modal: { defaultProps: { centered: true, shadow: 'sm', radius: 'sm' } },
  },
});
