"""The switch, the bridge page and the pages around them: static files and their routes; and what strangers see."""
