"""Reading policy texts and record files into the stores."""
