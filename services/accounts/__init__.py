"""Who somebody is: every way in, every device, every second proof."""
